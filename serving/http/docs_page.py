"""The page of the API: Swagger UI from the installed package, without any request to another machine."""

from html import escape

from fastapi import FastAPI
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from swagger_ui_bundle import swagger_ui_path

# The packaged Swagger UI reads OpenAPI 3.0 and refuses the word 3.1, whose few new keywords it passes over.
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="docs/static/swagger-ui.css">
<link rel="icon" href="docs/static/favicon-32x32.png">
</head>
<body>
<div id="page"></div>
<script src="docs/static/swagger-ui-bundle.js"></script>
<script>
fetch("openapi.json").then((answer) => answer.json()).then((schema) => SwaggerUIBundle({{
  spec: {{...schema, openapi: "3.0.3"}},
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,
}}));
</script>
</body>
</html>
"""
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_docs_page(app: FastAPI) -> None:
    """Add ``/docs`` and the files that it loads."""
    app.mount("/docs/static", StaticFiles(directory=str(swagger_ui_path)))
    page = PAGE.format(title=escape(app.title))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """The page."""
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})
