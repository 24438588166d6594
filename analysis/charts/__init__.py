"""Further figures of a report, one module and one pure function each: arrays and names in, matplotlib axes out.

Nothing is computed or read here. Colours and markers come from `looks`, the same in every figure; what is no optimizer
is drawn in the shades of `shades`, which the page swaps in the dark. Every function draws its figure at the size at
which it is to be printed (inches) and returns the axes, whose figure `carps_lite.analysis.figures.save` writes.
"""
