"""What a photograph's file says of it beside its pixels: EXIF, XMP, IPTC, resolution."""
