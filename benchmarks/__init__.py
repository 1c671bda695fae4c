"""Tagway beside others, in one run, on one machine: what a hit costs, what a delivery costs, what is remembered.

Only ratios travel from one machine to another, so every case runs its contenders in turn, round by round, and forms
its ratios inside a round. Nothing in here is imported by the gateway, and no test times anything.
"""
