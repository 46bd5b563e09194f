"""torchvision's published checkpoints: where they are, and their download."""

from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError
from urllib.parse import urlsplit

from torch.hub import HASH_REGEX, download_url_to_file
from torchvision.models import VGG16_Weights, VGG19_Weights, WeightsEnum

from nstd.errors import DownloadError

CHECKPOINTS: dict[str, WeightsEnum] = {
    "vgg16": VGG16_Weights.IMAGENET1K_V1,
    "vgg19": VGG19_Weights.IMAGENET1K_V1,
}


@dataclass(frozen=True)
class Published:
    """A checkpoint on a server; as torch has it, the file name tells how the sha256 begins."""

    url: str

    @property
    def file_name(self) -> str:
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def hash_prefix(self) -> str:
        match = HASH_REGEX.search(self.file_name)
        if match is None:
            raise ValueError(f"{self.file_name} does not tell its hash")
        return str(match[1])


def published(architecture: str) -> Published:
    """Return where torchvision publishes an architecture."""
    return Published(CHECKPOINTS[architecture].url)


def download(checkpoint: Published, folder: Path, *, progress: bool) -> Path:
    """Download a checkpoint into a folder; a file is only there when its hash is right.

    Args:
        progress: draw a bar on stderr.

    Raises:
        DownloadError: it cannot be had, or is not whole.
    """
    target = folder / checkpoint.file_name
    try:
        download_url_to_file(checkpoint.url, str(target), checkpoint.hash_prefix, progress)
    except (OSError, HTTPException, RuntimeError) as error:  # the last is for a wrong hash
        if isinstance(error, HTTPError):
            error.close()  # it holds the connection
        raise DownloadError(
            f"{checkpoint.url} could not be downloaded: {error}. Download it elsewhere, and then: "
            f"nstd weights import {checkpoint.file_name}"
        ) from error
    return target
