"""x."""
def write_page(found, path):
    path.write_text("x")
