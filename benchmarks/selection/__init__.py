"""Parts of bench_selection.py."""
