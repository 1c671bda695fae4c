"""The demo shop's pages, and the two things that its server does: write orders down, and confirm them."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp_jinja2
import jinja2
from aiohttp import hdrs, web

from gateway.core.domain import host_name, origin
from gateway.core.site import Site
from gateway.demo import orders
from gateway.demo.catalogue import BRAND, PRODUCTS, SHIPPING, ads, every_ad
from gateway.demo.orders import Book, Order

_STATIC: Final = Path(__file__).parent / "static"
# The page's own snippet is inline, as a real page's is: the nonce lets it and nothing else run.
_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Shop:
    """One shop for one site, whose API key its server uses.

    `console` and `sandbox`: their base URLs, for the links. Orders are lost when the process ends.
    """

    def __init__(self, site: Site, *, console: str, sandbox: str | None, now_ms: Callable[[], int]) -> None:
        self._site = site
        self._now_ms = now_ms
        self._book = Book()
        self._base = "" if site.path == "/" else site.path
        self._shown: dict[str, Any] = {
            "brand": BRAND,
            "products": list(PRODUCTS.values()),
            "catalogue": {slug: product.item() for slug, product in PRODUCTS.items()},
            "currency": site.currency or "EUR",
            "shipping": SHIPPING,
            "hold_s": site.merge.hold_s,
            "tag": self._base + site.paths.tag,
            "console": console,
            "sandbox": sandbox,
        }

    def mount(self, app: web.Application) -> None:
        """Add the shop's routes to the public listener, in front of the gateway's own."""
        aiohttp_jinja2.setup(
            app,
            loader=jinja2.PackageLoader("gateway.demo"),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            filters={"money": self._money},
        )
        pages: dict[str, Page] = {
            "/": self._start,
            "/shop": self._home,
            "/product/{slug}": self._product,
            "/cart": self._cart,
            "/checkout": self._checkout,
            "/thanks": self._thanks,
        }
        for path, page in pages.items():
            app.router.add_get(path, self._own(page))
        app.router.add_post("/demo/orders", self._own(self._order))
        app.router.add_post("/demo/orders/{number}/confirm", self._own(self._confirm))
        app.router.add_post("/demo/reset", self._own(self._reset))
        app.router.add_static("/demo/static", _STATIC)

    def _own(self, page: Page) -> Page:
        """Answer for the shop's own host names only, and let nobody else's page send anything."""

        async def answer(request: web.Request) -> web.StreamResponse:
            if host_name(request.headers.get(hdrs.HOST)) not in self._site.hosts:
                raise web.HTTPNotFound
            said = request.headers.get(hdrs.ORIGIN)
            if request.method == hdrs.METH_POST and said is not None and said != self._origin(request):
                raise web.HTTPForbidden
            return await page(request)

        return answer

    async def _start(self, request: web.Request) -> web.Response:
        return self._page(request, "start", ads=ads(), every_ad=every_ad())

    async def _home(self, request: web.Request) -> web.Response:
        return self._page(request, "home")

    async def _product(self, request: web.Request) -> web.Response:
        product = PRODUCTS.get(request.match_info["slug"])
        if product is None:
            raise web.HTTPNotFound
        return self._page(request, "product", product=product, about=product.slug)

    async def _cart(self, request: web.Request) -> web.Response:
        return self._page(request, "cart")

    async def _checkout(self, request: web.Request) -> web.Response:
        return self._page(request, "checkout")

    async def _thanks(self, request: web.Request) -> web.Response:
        order = self._book.find(request.query.get("order", ""))
        if order is None:
            raise web.HTTPSeeOther("/shop")
        about = {"event_id": order.event_id, "number": order.number, "ecommerce": order.ecommerce()}
        return self._page(request, "thanks", order=order, about=about)

    async def _order(self, request: web.Request) -> web.Response:
        """Write an order down: who bought what, and what the visitor answered about consent."""
        form = await request.post()
        said = {name: value for name, value in form.items() if isinstance(value, str)}
        lines = orders.lines(said.get("cart", ""))
        if not lines:
            raise web.HTTPSeeOther("/cart")
        number = f"ML-{secrets.token_hex(3).upper()}"
        self._book.write(
            Order(
                number=number,
                currency=self._shown["currency"],
                lines=lines,
                user=orders.user((name, said.get(name, "")) for name in orders.FIELDS),
                consent=orders.consent(said.get("consent", "")),
                ids=orders.ids(request.cookies),
                page=f"{self._origin(request)}/thanks?order={number}",
                user_agent=request.headers.get(hdrs.USER_AGENT, ""),
                placed_ms=self._now_ms(),
            )
        )
        raise web.HTTPSeeOther(f"/thanks?order={number}")

    async def _confirm(self, request: web.Request) -> web.Response:
        """Send the server's copy of an order to the gateway, over the network like any shop."""
        order = self._book.find(request.match_info["number"])
        if order is None or request.content_type != "application/json" or request.transport is None:
            raise web.HTTPNotFound
        host, port = request.transport.get_extra_info("sockname")[:2]
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        key = self._site.api_keys[0].reveal()
        return web.json_response(await orders.confirm(order, f"http://{authority}{self._base}/api/events", key))

    async def _reset(self, request: web.Request) -> web.Response:
        """Begin anew: a page cannot take away the cookies that it cannot see."""
        answer = web.Response(status=303, headers={hdrs.LOCATION: "/"})
        for name in {self._site.cookies.id, self._site.cookies.click, *orders.COOKIES} & request.cookies.keys():
            answer.del_cookie(name)
        return answer

    def _page(self, request: web.Request, name: str, **shown: Any) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        context = {**self._shown, "page": name, "nonce": nonce, "about": None, **shown}
        answer = aiohttp_jinja2.render_template(f"{name}.html", request, context)
        answer.headers.update(
            {
                "Content-Security-Policy": _POLICY.format(nonce=nonce),
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "strict-origin-when-cross-origin",
                hdrs.CACHE_CONTROL: "no-store",
            }
        )
        return answer

    def _money(self, amount: float) -> str:
        currency = self._shown["currency"]
        return f"€{amount:,.2f}" if currency == "EUR" else f"{currency} {amount:,.2f}"

    @staticmethod
    def _origin(request: web.Request) -> str:
        return origin(f"http://{request.headers.get(hdrs.HOST, '')}") or ""
