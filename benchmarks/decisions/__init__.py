"""Parts of bench_decisions.py."""
