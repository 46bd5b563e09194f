"""The networks' weights: shipped, brought from elsewhere, checked, loaded."""
