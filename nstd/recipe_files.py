"""The recipes that come along, as files: their names and their texts."""

from importlib import resources

HOUSE_RECIPE = "studio"


def recipe_names() -> tuple[str, ...]:
    """Name the recipes that come with nstd, the house's own first."""
    folder = resources.files("nstd") / "recipes"
    names = [file.name.removesuffix(".yaml") for file in folder.iterdir() if ".yaml" in file.name]
    return tuple(sorted(names, key=lambda name: (name != HOUSE_RECIPE, name)))


def recipe_text(name: str) -> str:
    """Return the YAML of one of them."""
    return (resources.files("nstd") / "recipes" / f"{name}.yaml").read_text("utf-8")
