"""Do other formats of an optimizer's state give what 32 bits give? A study at equal hyperparameters, as arrays.

`design` says which configurations are trained, `observations` reads the store into arrays, `differences` and `tuning`
turn arrays into numbers, `timing` and `largest` measure, `page` writes. `examples/03_eight_bit_parity.py` runs it all.

Axes: F formats of the state, the first of which is the reference (32 bits); C configurations; S seeds. Losses are nan
where a training failed or is missing. Lower is better.
"""
