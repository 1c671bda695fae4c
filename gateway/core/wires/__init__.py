"""A request as it arrived becomes a Draft or a Refusal: how each wire spells an act, and nothing about what it means.

`fields.py` holds the contract's rules for one event; the other files bring their own format into its words. Nothing
here may believe the sender, keep readable personal data beyond the Draft, or raise because of what somebody sent.
"""
