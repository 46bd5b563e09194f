"""Files that are none: links, pipes, sockets, devices, folders; and the folder's own tricks."""

import os
import socket
from pathlib import Path

from hostile.case import GOOD_MANIFEST, GOOD_PICTURE, Case, named

OUTSIDE = "outside"  # a folder beside the inbox


def outside(folder: Path) -> Path:
    """Return the folder beside the inbox in which nothing may change."""
    return folder.parent.parent / OUTSIDE


def linked_picture(folder: Path) -> None:
    (folder / "IMG.jpg").symlink_to(outside(folder) / "secret.jpg")
    (folder / "IMG.yaml").write_bytes(GOOD_MANIFEST)


def linked_manifest(folder: Path) -> None:
    (folder / "IMG.jpg").write_bytes(GOOD_PICTURE)
    (folder / "IMG.yaml").symlink_to(outside(folder) / "secret.yaml")


def linked_folder(folder: Path) -> None:
    (folder / "more").symlink_to(outside(folder))


def loop_of_links(folder: Path) -> None:
    (folder / "loop").symlink_to(folder)
    (folder / "up").symlink_to("..")


def hard_link(folder: Path) -> None:
    (folder / "IMG.jpg").hardlink_to(outside(folder) / "secret.jpg")
    (folder / "IMG.yaml").write_bytes(GOOD_MANIFEST)


def pipe_as_manifest(folder: Path) -> None:
    (folder / "IMG.jpg").write_bytes(GOOD_PICTURE)
    os.mkfifo(folder / "IMG.yaml")


def pipe_as_picture(folder: Path) -> None:
    os.mkfifo(folder / "IMG.jpg")
    (folder / "IMG.yaml").write_bytes(GOOD_MANIFEST)


def bound_socket(folder: Path) -> None:
    # Bound by a short way: the address of a socket holds a hundred bytes.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{descriptor}/IMG.jpg")
    finally:
        os.close(descriptor)


def folder_named_as_a_picture(folder: Path) -> None:
    (folder / "IMG.jpg").mkdir()
    (folder / "IMG.yaml").write_bytes(GOOD_MANIFEST)


def deep_folder(folder: Path) -> None:
    deepest = folder.joinpath(*(["down"] * 40))
    deepest.mkdir(parents=True)
    named("IMG")(deepest)


def wrong_standing_order(folder: Path) -> None:
    (folder / "IMG.jpg").write_bytes(GOOD_PICTURE)
    (folder / "folder.yaml").write_text("style: wavs\n")


def standing_order_with_content(folder: Path) -> None:
    (folder / "folder.yaml").write_text("style: waves\ncontent: ['*.jpg']\n")


def members_elsewhere(folder: Path) -> None:
    (folder / "all.yaml").write_text("style: waves\ncontent: ['../picture-cmyk/*.jpg']\n")


def absolute_members(folder: Path) -> None:
    (folder / "all.yaml").write_text("style: waves\ncontent: [/etc/passwd, '\\\\server\\x.jpg']\n")


def members_above(folder: Path) -> None:
    (folder / "all.yaml").write_text("style: waves\ncontent: ['..']\n")


def unquoted_pattern(folder: Path) -> None:
    (folder / "all.yaml").write_text("style: waves\ncontent: [*.jpg]\n")


def many_patterns(folder: Path) -> None:
    patterns = ", ".join(f"'*{number}*a*b*c*.jpg'" for number in range(2000))
    (folder / "all.yaml").write_text(f"style: waves\ncontent: [{patterns}]\n")


FILES = (
    Case("file-linked-picture", linked_picture, "waiting", "no photograph named IMG"),
    Case("file-linked-manifest", linked_manifest, "waiting", "no manifest IMG.yaml"),
    Case("file-linked-folder", linked_folder, "ignored"),
    Case("file-loop-of-links", loop_of_links, "ignored"),
    Case("file-hard-link", hard_link, "queued"),
    Case("file-pipe-as-manifest", pipe_as_manifest, "waiting", "no manifest IMG.yaml"),
    Case("file-pipe-as-picture", pipe_as_picture, "waiting", "no photograph named IMG"),
    Case("file-socket", bound_socket, "ignored"),
    Case("file-folder-as-picture", folder_named_as_a_picture, "waiting", "no photograph named IMG"),
    Case("file-deep-folder", deep_folder, "queued"),
    Case("file-wrong-standing-order", wrong_standing_order, "failed", "did you mean 'waves'?"),
    Case(
        "file-standing-content", standing_order_with_content, "failed", "not allowed in a standing"
    ),
    Case("file-members-elsewhere", members_elsewhere, "failed", "the manifest's own folder"),
    Case("file-absolute-members", absolute_members, "failed", "content.1: found"),
    Case("file-members-above", members_above, "waiting", "are not there: .."),
    Case("file-unquoted-pattern", unquoted_pattern, "failed", "needs quotes, as in '*.jpg'"),
    Case("file-many-patterns", many_patterns, "failed", "at most 100 are allowed"),
)
