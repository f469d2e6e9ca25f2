"""The page that gives a board its WiFi from a browser, by Bluetooth or USB. It knows no secret."""

from flask import Blueprint, Response, request, url_for

from host import pki
from host.extensions import host
from host.web import pages

blueprint = Blueprint("setup", __name__)

_CACHE = {"Cache-Control": "no-cache"}


@blueprint.get("/setup")
def page():
    """The page; where it came under the fleet's own certificate, it tells how to trust that."""
    digits = "" if _has_own_certificate() else pki.colons(host().settings)
    return pages.render("setup.html", ca_sha256=digits)


@blueprint.get("/setup/manifest.webmanifest")
def manifest():
    """What a phone needs to put the page on its home screen (W3C Web Application Manifest)."""
    drawn = url_for("web.static", filename="icon.svg")
    icon = {"src": drawn, "sizes": "any", "type": "image/svg+xml"}
    about = {
        "id": url_for("setup.page"),
        "name": f"{host().settings.fleet}: set up a board",
        "short_name": "Set up",
        "start_url": url_for("setup.page"),
        "scope": "/",
        "display": "standalone",
        "background_color": "#f6f6f3",
        "theme_color": "#1f6f5c",
        "icons": [icon],
    }
    return about, {"Content-Type": "application/manifest+json", **_CACHE}


@blueprint.get("/setup/ca.crt")
def ca():
    """The fleet's CA certificate, in the form that phones install. DER."""
    settings = host().settings
    content = pki.ca_der(pki.folder_for(settings))
    named = {"Content-Disposition": f'attachment; filename="{settings.fleet}-ca.crt"'}
    return Response(content, mimetype="application/x-x509-ca-cert", headers={**named, **_CACHE})


def _has_own_certificate():
    """Whether the browser came by the address whose certificate browsers trust."""
    return request.host_url.rstrip("/") == host().settings.console_url
