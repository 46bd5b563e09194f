"""What a manifest says of metadata, on its way through the worker into the result."""

from pathlib import Path

import pytest
from luggage.camera import camera_jpeg
from luggage.seen import iptc_of, tags_of, xmp_of

from nstd.orders import Finished, MetadataChoice, Order, StyleShare, WorkOrder
from nstd.recipe import load_recipe
from nstd.worker.station import Station
from nstd.worker.worker import run_order


def result(metadata: MetadataChoice, tmp_path: Path) -> bytes:
    """Return the result of a job of no strength, which takes no time."""
    order = Order(
        styles=(StyleShare(name="waves", pictures=("0",)),),
        recipe_name="studio",
        recipe=load_recipe("studio", {}),
        size_px=32,
        strength=0.0,
        seed=0,
        style_scale=1.0,
        priority=0,
        output_format="jpeg",
        quality=90,
        metadata=metadata,
    )
    station = Station.at(
        "cpu", cache_folder=tmp_path, weights_folder=tmp_path, checkpoint_every_s=3600
    )
    work = WorkOrder("job-1", order, camera_jpeg(), (), None)
    (event,) = run_order(work, station, lambda: False)
    assert isinstance(event, Finished), event
    return event.files[0].data


@pytest.mark.usefixtures("vgg16_weights")
def test_a_manifests_word_on_metadata_reaches_the_result(tmp_path: Path) -> None:
    """All of it, no places, or none: as ordered, at the size of the result."""
    kept, placeless, bare = (result(metadata, tmp_path) for metadata in ("keep", "no-gps", "none"))

    assert tags_of(kept)["EXIF ExifImageWidth"] == "24"
    assert tags_of(kept)["EXIF ExifImageLength"] == "32"
    assert "GPS GPSLatitude" in tags_of(kept)
    assert (90, b"Berlin") in iptc_of(kept)
    assert b"Berlin" not in placeless
    assert b'xmp:Rating="5"' in xmp_of(placeless)
    assert (tags_of(bare), iptc_of(bare), xmp_of(bare)) == ({}, [], b"")
