"""Paint the three style pictures that the project ships, each from a fixed seed.

Gram matrices record texture at every scale, so each picture has fine marks in large shapes:
`flow-strokes.jpg`, oil strokes along the vortices of a night sky; `mosaic.jpg`, tesserae in
curved rows over overlapping roundels; `ink-hatching.jpg`, pen hatching of hills on cream paper.
Run as ``python tests/makers/paint_styles.py inbox/styles``.
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Field = npt.NDArray[np.float64]
Plane = npt.NDArray[np.complex128]
Rng = np.random.Generator

WIDTH, HEIGHT = 2048, 1536  # twice the shipped size: the reduction is the antialiasing
UNIT = 512  # pictures are composed on a canvas of 4 x 3 units, taken as the complex plane
V, U = np.mgrid[0:HEIGHT, 0:WIDTH] / UNIT
Z = U + 1j * V


def smooth_noise(rng: Rng, cell: int) -> Field:
    """Return unit normal noise that varies over about `cell` pixels."""
    coarse = rng.standard_normal((HEIGHT // cell + 2, WIDTH // cell + 2)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((WIDTH, HEIGHT)), dtype=np.float64)


def colours(hexes: str) -> Field:
    """Return space-separated hex colours as rows of red, green and blue in 0..1."""
    return np.array([list(bytes.fromhex(code)) for code in hexes.split()]) / 255


# Centre, radius, spin, and how far the light of a star there reaches (0: no star).
VORTICES = (
    (1.72 + 1.18j, 0.42, 1.25, 0.0), (2.48 + 1.42j, 0.3, -1.15, 0.0), (0.5 + 0.5j, 0.24, 0.9, 0.4),
    (3.42 + 0.56j, 0.34, 1.0, 0.62), (1.08 + 1.72j, 0.17, -0.8, 0.27), (2.4 + 0.4j, 0.17, 0.8, 0.3),
    (1.4 + 0.4j, 0.1, 1, 0.2), (3.2 + 1.6j, 0.2, 0.9, 0.3), (0.3 + 1.4j, 0.1, 1, 0.2))  # fmt: skip
NIGHT = colours("10184f 1b2f8a 2a55b4 1f6f9e 2f8f9d 8cc3c4 2a55b4 10184f")
GLOW = colours("f08a24 ffd84a fff0a0 f2c230 d9a52c a8b878 4f9aa6")
LAND = colours("0f1f3f 14453f 1f6b5e 6f8a3a c79a35 1b3d5c 0f1f3f")


def night_scene(rng: Rng) -> tuple[Field, Field]:
    """Return the colour and the direction of the paint at every pixel."""
    stream = 0.55 * V + 0.10 * np.sin(1.9 * U + 0.8 * V) + 0.05 * np.sin(4.1 * U - 1.7 * V + 1)
    arms = np.zeros_like(U)
    for centre, radius, spin, reach in VORTICES:
        away = np.abs(Z - centre)
        # Close to its centre a vortex overrules the wind, or its rings would open into arches.
        rule = np.exp(-((away / (1.1 * reach or radius)) ** 4))
        wind = stream[int(centre.imag * UNIT), int(centre.real * UNIT)]
        bump = np.exp(-((away / radius) ** 2) / 2)
        stream = stream * (1 - rule) + wind * rule + spin * radius * bump
        arms += bump * (0.3 * np.sin(np.angle(Z - centre) + 5 * away / radius) + 0.6)
    angle = -np.arctan2(*np.gradient(stream)[::-1])
    colour = NIGHT[((3.1 * stream + arms) % 1 * len(NIGHT)).astype(int)]
    for centre, _, _, reach in VORTICES:
        away = np.abs(Z - centre) / (reach or 0.01)
        ring = np.clip(7 * away + 0.35 * np.sin(24 * away), 0, 6).astype(int)
        colour = np.where(away[..., None] < 1, GLOW[ring], colour)
    for base, phase in ((2.28, 0.4), (2.58, 2.6)):
        crest = base + 0.15 * np.sin(1.7 * U + phase) + 0.05 * np.sin(4.3 * U + 2 * phase)
        depth = V - crest
        soil = LAND[((depth * 2.3 + 0.1 * np.sin(3 * U)) % 1 * len(LAND)).astype(int)]
        colour = np.where(depth[..., None] > 0, soil, colour)
        angle = np.where(depth > 0, np.arctan(np.gradient(crest, axis=1) * UNIT) + depth / 2, angle)
    return colour, angle + 0.10 * smooth_noise(rng, 90)


def drag(draw: ImageDraw.ImageDraw, path: Plane, *, width: float, load: Field, rng: Rng) -> None:
    """Paint a stroke as streaks, one per tuft of bristles; alpha carries the height of paint."""
    tufts = max(4, int(width / 3.2))
    lanes = np.linspace(-0.5, 0.5, tufts)[:, None]
    spread = np.sin(np.linspace(0.35, 2.9, len(path))) ** 0.5 * width
    streaks = path * UNIT + 1j * lanes * spread * np.exp(1j * np.angle(np.gradient(path)))
    load = load * rng.normal(rng.normal(1, 0.15), 0.1, (tufts, 1)) + rng.normal(0, 0.02, (tufts, 3))
    # Paint pushed aside by the brush stands up in a ridge at both edges of the stroke.
    relief = 95 + 240 * lanes**2 + rng.normal(0, 38, (tufts, 1))
    paint = np.clip(np.hstack([255 * load, relief]), 0, 255).astype(int)
    trims = rng.integers(0, len(path) // 4, (tufts, 2))
    for lane in rng.permutation(tufts):
        points = streaks[lane, trims[lane, 0] : len(path) - trims[lane, 1]].view(np.float64)
        draw.line(points.tolist(), tuple(paint[lane].tolist()), int(rng.integers(4, 7)))


def paint_flow(rng: Rng) -> Field:
    """Paint strokes along the flow, coarse to fine, then light their relief."""
    scene, angle = night_scene(rng)
    canvas = Image.fromarray(np.dstack([scene * 200, angle * 0 + 40]).astype(np.uint8))
    draw = ImageDraw.Draw(canvas)
    for number, width, steps in ((1500, 58, 22), (2600, 36, 20), (3000, 22, 16)):
        trail = [rng.uniform(-0.1, 4.1, number) + 1j * rng.uniform(-0.1, 3.1, number)]
        for _ in range(steps):
            row = np.clip(trail[-1].imag * UNIT, 0, HEIGHT - 1).astype(int)
            column = np.clip(trail[-1].real * UNIT, 0, WIDTH - 1).astype(int)
            trail.append(trail[-1] + (width * 0.22 + 3) / UNIT * np.exp(1j * angle[row, column]))
            if len(trail) == steps // 2:
                load = scene[row, column] + rng.normal(0, 0.035, (number, 3))
        for path, colour in zip(np.stack(trail, axis=1), load, strict=True):
            drag(draw, path, width=width * rng.uniform(0.65, 1.2), load=colour, rng=rng)
    pixels = np.asarray(canvas.filter(ImageFilter.GaussianBlur(1.0))) / 255
    light = np.add(*np.gradient(pixels[..., 3]))[..., None] * 0.72
    shine = 1.1 * np.clip(light - 0.06, 0, 0.3)
    return np.asarray(pixels[..., :3] * (1 + 2.6 * np.clip(light, -0.2, 0.2)) + shine)


GLAZES = colours("efe3c4 d9a530 e8c25a b8552f 7f1d20 6cc4bd 1f8f94 1c3f66 d98e68")
# Centre, radius, petals, then the ground and petal glaze of each band from the centre out.
# A roundel hides those listed after it; the last is the sea around them.
ROUNDELS = (
    (1.1 + 1.6j, 0.8, 12, "44 12 32 32 32 44 01 67 43"), (3.9 + 0.3j, 0.5, 12, "44 12 32 44 01 67"),
    (2.78 + 0.98j, 0.74, 8, "11 43 50 50 50 11 67 75"), (0.1 + 2.86j, 0.56, 8, "11 43 50 50 11 67"),
    (3.42 + 2.3j, 0.66, 9, "50 77 34 34 21 38 01"), (1.66 + 0.36j, 0.46, 9, "50 77 34 43 21 38"),
    (0.28 + 0.42j, 0.6, 10, "00 55 65 76 02 38 38"), (2.12 + 2.62j, 0.52, 10, "00 56 67 02 83 83"),
    (2.2 + 4.6j, 5.6, 60, "08 20 50 65 76 66 " * 6))  # fmt: skip


def lay_tiles(rng: Rng) -> tuple[Plane, Field]:
    """Return one row per tile (place, length along its course, breadth) and the tile colours."""
    tiles, tints = [], []
    for rank, (centre, radius, fold, bands) in enumerate(ROUNDELS):
        pairs = np.array([[GLAZES[int(key)] for key in pair] for pair in bands.split()])
        pitch = radius / round(radius / 0.057)
        for ring in np.arange(pitch / 2, radius, pitch):
            count = max(3, round(2 * np.pi * ring / (pitch * rng.uniform(0.85, 1.25))))
            theta = rng.normal(np.arange(count) + rng.uniform(), 0.09) * 2 * np.pi / count
            place = centre + rng.normal(ring, 0.05 * pitch, count) * np.exp(1j * theta)
            seen = (np.abs(place.real - 2) < 2.08) & (np.abs(place.imag - 1.5) < 1.58)
            for above, cover, *_ in ROUNDELS[:rank]:
                seen &= np.abs(place - above) > cover + 0.25 * pitch
            along = 2j * np.pi * ring / count * np.exp(1j * rng.normal(theta, 0.07))
            tiles.append(np.column_stack([place, along, np.full(count, pitch)])[seen])
            band = ring / radius * len(pairs)
            petal = np.cos(fold * theta) > 0.9 * np.sin(2.1 * band)
            tints.append(pairs[int(band), petal.astype(int)][seen])
    return np.concatenate(tiles), np.concatenate(tints)


def cut_tiles(tiles: Plane) -> tuple[npt.NDArray[np.int64], Field]:
    """Return for every pixel the nearest tile and how far it lies inside that tile's edge."""
    owner = np.zeros((HEIGHT, WIDTH), dtype=np.int64)
    first, second = np.full((2, HEIGHT, WIDTH), 9.0)
    for index, (place, along, breadth) in enumerate(tiles):
        half = int(1.3 * UNIT * max(abs(along), abs(breadth)))
        x, y = int(place.real * UNIT), int(place.imag * UNIT)
        window = np.s_[max(0, y - half) : max(0, y + half), max(0, x - half) : max(0, x + half)]
        offset = (Z[window] - place) / along
        # A fourth-power norm in the tile's own frame makes the cells squarish, as cut stone is.
        distance = np.sqrt(np.hypot(offset.real**2, (offset.imag * abs(along / breadth)) ** 2))
        second[window] = np.minimum(second[window], np.maximum(first[window], distance))
        owner[window][distance < first[window]] = index
        first[window] = np.minimum(first[window], distance)
    return owner, np.minimum(second - first - 0.10, 1.3 * (0.72 - first))


def paint_mosaic(rng: Rng) -> Field:
    """Set the tiles in mortar, each tilted a little so that some catch the light."""
    tiles, tints = lay_tiles(rng)
    owner, inset = cut_tiles(tiles)
    edge = np.clip(inset / 0.16, 0, 1)
    tints = tints * rng.normal(1, 0.13, (len(tiles), 1)) + rng.normal(0, 0.03, tints.shape)
    tilt = 5 * (rng.normal(size=len(tiles)) + 1j * rng.normal(size=len(tiles)))
    lean = ((Z - tiles[owner, 0]) * tilt[owner]).real
    grain = 0.035 * smooth_noise(rng, 4) + 0.03 * smooth_noise(rng, 12)
    bevel = np.clip(1.6 * np.add(*np.gradient(np.sqrt(edge))), -0.5, 0.5)
    rgb = tints[owner] * ((1 + grain + lean) * (1 + bevel))[..., None]
    glint = (rng.uniform(size=len(tiles)) < 0.16)[owner] * np.clip(8 * lean - 0.25, 0, 0.45)
    rgb += (1 - rgb) * (glint * edge)[..., None]
    mortar = colours("2b241f") * (1 + 0.25 * smooth_noise(rng, 6))[..., None]
    return np.asarray(mortar + (rgb - mortar) * np.minimum(edge * 2.5, 1)[..., None])


SUN = 2.55 + 0.66j
WASHES = colours("f6ecd6 eeb08c f3e6c8 e6e8da efe0bb dfe4d4 ecd8ae d6ddd4 bfd3cb")


def lay_land(rng: Rng) -> Plane:
    """Return three layers: darkness, place in the frame of the pen strokes, number of the wash."""
    far, bearing = np.abs(Z - SUN), np.angle((Z - SUN) / -1j)
    gloom = 0.62 - 0.5 * np.abs(np.sin(5 * bearing + 2 * far)) / (far + 0.01) ** 0.3
    scene = np.stack([np.where(far < 0.4, V - 0.55, gloom), far * (1 + 1j * bearing), far < 0.4])
    for rank in range(6):
        phase = 2.2 * rank + 0.4
        crest = 1.22 + 0.30 * rank + 0.17 * np.sin(1.6 * U + phase) + 0.03 * np.sin(5 * U - phase)
        depth = V - crest
        slope = np.gradient(crest, axis=1) * UNIT * np.tanh(2 * (U - SUN.real))
        gloom = 0.12 + 0.06 * rank + 1.1 * depth + 0.9 * slope * np.exp(-2 * depth)
        grain = depth + 0.5 * depth**2 + 1j * U
        hill = [gloom, grain * np.exp(-1j * (0.5 + 0.9 * (rank % 2))), 0 * U + 2 + rank]
        scene = np.where(depth > 0, np.stack(hill), scene)
        for x in (rng.uniform(0.15, 0.85, 3) + np.arange(3)) * 4 / 3 if rank else ():
            size = (0.09 + 0.045 * rank) * rng.uniform(0.7, 1.3)
            centre = x + 1j * (crest[0, int(x * UNIT)] - 0.5 * size)
            near, toward = (Z - centre) / size, (SUN - centre) / abs(SUN - centre)
            scene[0] += 0.5 * np.exp(-(np.abs(near / toward + 0.9 + 0.3j * near.imag) ** 4))
            lit = near - 0.5 * toward
            arcs = size * np.abs(lit) * (1 + 1j * np.angle(lit / -toward))
            bush = [1.15 * np.abs(lit) - 0.25, arcs, 0 * U + 8 + rng.uniform(0, 0.9)]
            scene = np.where(np.abs(near) < 1, np.stack(bush), scene)
    return scene


def hatch(scene: Plane, rng: Rng, *, turn: float, floor: float) -> Field:
    """Return the ink of one set of parallel strokes, denser where darkness passes `floor`."""
    pitch, wobble = 9.0, 2.0 * smooth_noise(rng, 120) + 0.5 * smooth_noise(rng, 24)
    place = scene[1] * np.exp(1j * turn) * UNIT + wobble
    row = np.rint(place.real / pitch).astype(int)
    length, shift, weight = rng.uniform((90, 0, 0.3), (280, 1, 0.5), (997, 3)).T[:, row % 997]
    pressure = np.minimum(2.2 * np.sin(np.pi * ((place.imag / length + shift) % 1)), 1)
    wanted = np.clip(1.5 * (scene[0].real - floor - 0.18 * (row % 2)), 0, 1)
    nib = pitch * weight * np.sqrt(pressure * wanted)
    return np.asarray(np.clip(nib + 0.3 - np.abs(place.real - pitch * row), 0, np.minimum(nib, 1)))


def paint_ink(rng: Rng) -> Field:
    """Wash the paper, a little out of register as by hand, then hatch it in two inks."""
    scene = lay_land(rng)
    scene[0] += 0.06 * smooth_noise(rng, 180)
    wash = np.pad(scene[2].real, ((7, 0), (9, 0)), mode="edge")[:HEIGHT, :WIDTH]
    rgb = WASHES[wash.astype(int)]
    rgb *= (1 + 0.035 * smooth_noise(rng, 90) + 0.018 * smooth_noise(rng, 5))[..., None]
    edges = Image.fromarray(np.hypot(*np.gradient(scene[2].real)) > 0).convert("L")
    ink = np.asarray(edges.filter(ImageFilter.BoxBlur(2))) * (1 + 0.4 * smooth_noise(rng, 60))
    sepia, blue = colours("3a2417 141b33")
    rgb *= 1 - np.clip(ink / 115, 0, 1)[..., None] * (1 - sepia)
    for turn, floor in ((0, 0.06), (1, 0.42), (-0.9, 0.66), (0.5, 0.85)):
        tint = blue if turn else sepia
        rgb *= 1 - 0.94 * hatch(scene, rng, turn=turn, floor=floor)[..., None] * (1 - tint)
    return np.asarray(rgb)


def main(argv: list[str]) -> None:
    """Paint every picture into the folder named by the one argument."""
    folder = Path(argv[0])
    folder.mkdir(parents=True, exist_ok=True)
    painters = {"flow-strokes": paint_flow, "mosaic": paint_mosaic, "ink-hatching": paint_ink}
    for name, paint in painters.items():
        rgb = np.clip(paint(np.random.default_rng(1889)), 0, 1) * 255
        size = (WIDTH // 2, HEIGHT // 2)
        small = Image.fromarray(rgb.astype(np.uint8)).resize(size, Image.Resampling.LANCZOS)
        small.save(folder / f"{name}.jpg", quality=92, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
