"""More of what image hosts answer: statuses and redirects that few send, answers that depend on who asks, slow ones."""

import time

from tests.kit.odd_answers import OddAnswers


class RareAnswers(OddAnswers):
    """The paths of OddAnswers, and these."""

    def say_204_with_body(self, query: str) -> None:
        """A body where none may be: on a kept connection it runs into the next answer."""
        self.raw(b"HTTP/1.1 204 No Content\r\nContent-Length: 15\r\n\r\nsaid on purpose")
        self.close_connection = False

    def say_redirect_no_location(self, query: str) -> None:
        self.whole(b"", 302)

    def say_redirect_300(self, query: str) -> None:
        self.whole(b"", 300, Location="/plain.jpg")

    def say_redirect_cookie_to(self, query: str) -> None:
        """Sets a cookie for the whole domain ``site.example`` and redirects to the URL in the query."""
        self.whole(b"", 302, Location=query, Set_Cookie="session=secret; Domain=site.example; Path=/")

    def say_meta_refresh(self, query: str) -> None:
        self.whole(b'<meta http-equiv="refresh" content="0;url=/plain.jpg">', kind="text/html")

    def say_partial(self, query: str) -> None:
        size = len(self.host_.image)
        self.whole(status=206, Content_Range=f"bytes 0-{size - 1}/{size}")

    def say_later(self, query: str) -> None:
        """404 for so many requests (a CDN that is behind), then the image."""
        if self.times() <= int(query or 1):
            return self.whole(b"", 404)
        return self.whole()

    def say_drip(self, query: str) -> None:
        """One byte each so many milliseconds."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.host_.image)))
        self.end_headers()
        for byte in self.host_.image:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(float(query or 50) / 1000)

    def say_only_bots(self, query: str) -> None:
        if "Mozilla" in (self.headers.get("User-Agent") or ""):
            return self.whole(b"forbidden", 403, "text/html")
        return self.whole()

    def say_needs_referer(self, query: str) -> None:
        if self.headers.get("Referer"):
            return self.whole()
        return self.whole(b"hotlink", 403, "text/html")

    def say_webp_if_asked(self, query: str) -> None:
        asked = "image/webp" in (self.headers.get("Accept") or "")
        self.whole(kind="image/webp" if asked else "image/png")
