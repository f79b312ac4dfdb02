"""Parts of bench_compute.py."""
