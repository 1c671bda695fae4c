"""A small shop to try the gateway with: pages that carry the browser tag, and a server that confirms orders.

It does what a real shop would have to do and nothing more: it speaks GA4 on its pages, and to the gateway through the
tag and the public API. Never enters: another room of the gateway, or anything that a shop outside could not do.
"""

from gateway.demo.shop import Shop

__all__ = ["Shop"]
