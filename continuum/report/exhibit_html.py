"""Exhibits as HTML: the same on a page and in the explorer."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from continuum.harness import Clouds, Exhibit, Facts, Images, Texts

from .clouds import CLOUD_SIDE, Frame, cloud_png, frame_of
from .markup import definitions, escaped, escaped_text

__all__ = ["exhibit_html", "png_address", "shared_frame"]

_LEAST = 72  # pixels on the screen, of the side of an image


def exhibit_html(exhibits: Iterable[Exhibit], frame: Frame | None = None) -> str:
    """What is shown of one value.

    Args:
        exhibits: what to show.
        frame: what is in sight of clouds; None for all of each exhibit.
    """
    return "".join(_one(item, frame) for item in exhibits)


def shared_frame(exhibits: Iterable[Exhibit]) -> Frame | None:
    """One frame for all clouds; None if there are none, or of different dimensions."""
    clouds = [cloud for item in exhibits if isinstance(item, Clouds) for cloud in item.points]
    return frame_of(clouds) if len({cloud.shape[1] for cloud in clouds}) == 1 else None


def png_address(png: bytes) -> str:
    """A PNG file as an address that a page can hold."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _one(item: Exhibit, frame: Frame | None) -> str:
    match item:
        case Images():
            side = max(_LEAST, item.pixels.shape[2])
            return _tiles([_image_png(one) for one in item.pixels], item.captions, "tiles", side)
        case Clouds():
            sight = frame or frame_of(item.points)
            groups = item.groups or (None,) * len(item.points)
            pictures = [cloud_png(x, sight, g) for x, g in zip(item.points, groups, strict=True)]
            return _tiles(pictures, item.captions, "tiles clouds", CLOUD_SIDE)
        case Texts():
            captions = item.captions or ("",) * len(item.texts)
            pairs = zip(captions, item.texts, strict=True)
            return "".join(_quotation(caption, text) for caption, text in pairs)
        case Facts():
            return definitions(item.rows)


def _image_png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _tiles(pictures: Sequence[bytes], captions: Sequence[str], kind: str, width: int) -> str:
    names = captions or ("",) * len(pictures)
    tiles = "".join(
        f'<figure style="width: {width}px"><img alt="{escaped(name) or f"sample {i + 1}"}" src="{png_address(png)}">'
        f"{f'<figcaption>{escaped_text(name)}</figcaption>' if name else ''}</figure>"
        for i, (png, name) in enumerate(zip(pictures, names, strict=True))
    )
    return f'<div class="{kind}">{tiles}</div>\n'


def _quotation(caption: str, text: str) -> str:
    said = f'<span class="prompt">{escaped_text(caption)}</span> ' if caption else ""
    return f"<blockquote>{said}{escaped_text(text) or '<em>nothing</em>'}</blockquote>\n"
