"""The demo: every axis on real data, in one page."""

from .images import draw_strip
from .run import run_demo, scenes
from .scene import Scene

__all__ = ["Scene", "draw_strip", "run_demo", "scenes"]
