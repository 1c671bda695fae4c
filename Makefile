# Aliases of ./dev, which says what each one does. `make run` and `make test` are enough to begin with.
.PHONY: help setup run test lint format types bench sizing faults teeth fuzz lock

help: ; @./dev help
setup: ; @./dev setup tests
run: ; @./dev run
test: ; @./dev test
lint: ; @./dev lint
format: ; @./dev format
types: ; @./dev types
bench: ; @./dev bench
sizing: ; @./dev sizing
faults: ; @./dev faults $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SECONDS),--seconds $(SECONDS))
teeth: ; @./dev teeth
fuzz: ; @./dev fuzz
lock: ; @./dev lock
