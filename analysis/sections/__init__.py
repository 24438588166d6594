"""The sections of a report: each turns a comparison into sentences, figures and tables."""
