# Everything works from a fresh clone with Python 3.11+ and make; each target makes .venv first when it is missing or stale.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
STAMP   = $(VENV)/.installed
PORT   ?= 8080
STATE  ?= .demo
WORKERS ?= 2
# Tests start hundreds of processes, and each would compile everything anew where the environment forbids to keep it.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo tools test quick thorough lint bench system format manual version-data constraints packages package-tools clean

demo: $(STAMP)
	$(BIN)/python -m tests.standins.demo --port $(PORT) --state "$(STATE)"

# What tests run beside Python; without it, or without the right to install it, those tests are skipped or look at less.
tools:
	@for tool in redis-server chromium strace; do \
		command -v $$tool >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get install -y -q --no-install-recommends $$tool fonts-dejavu-core >/dev/null; } || echo "tools: no $$tool"; \
	done
	@# programs alone: a policy for the time of the installation keeps their packages from starting servers
	@for tool in nginx haproxy tinyproxy; do \
		command -v $$tool >/dev/null || test -x /usr/sbin/$$tool || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& policy=/usr/sbin/policy-rc.d && { test -e $$policy && ours= || { printf '#!/bin/sh\nexit 101\n' >$$policy; \
		chmod 755 $$policy; ours=$$policy; } && apt-get install -y -q --no-install-recommends $$tool >/dev/null; \
		code=$$?; test -z "$$ours" || rm -f "$$ours"; test $$code = 0; } } || echo "tools: no $$tool"; \
	done
	@# a proof deceives a collector about the time with it
	@ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get install -y -q --no-install-recommends libfaketime >/dev/null; } || echo "tools: no libfaketime"
	@# PostgreSQL as Debian 12 has it: its programs, without a database of its own and without a server that is started
	@test -x /usr/lib/postgresql/15/bin/postgres || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get install -y -q --no-install-recommends postgresql-common >/dev/null \
		&& conf=/etc/postgresql-common/createcluster.conf && sed -i '/create_main_cluster/d' $$conf \
		&& echo 'create_main_cluster = false' >>$$conf \
		&& apt-get install -y -q --no-install-recommends postgresql-15 >/dev/null; } || echo "tools: no postgresql-15"
	@# judges the units; system tests start its service manager in namespaces of their own
	@command -v systemd-analyze >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get install -y -q --no-install-recommends systemd >/dev/null; } || echo "tools: no systemd-analyze"
	@# of Prometheus only the tool that checks metrics: its package would start a server
	@command -v promtool >/dev/null || test -x $(BIN)/promtool || { command -v apt-get >/dev/null && folder=$$(mktemp -d) \
		&& (cd $$folder && apt-get download -q prometheus >/dev/null 2>&1 && dpkg-deb -x prometheus_*.deb .) \
		&& install $$folder/usr/bin/promtool $(BIN)/ ; } || echo "tools: no promtool"; \
		test -z "$$folder" || rm -rf "$$folder"

# What making packages takes, and what tests look at them with.
package-tools:
	@for tool in rpmbuild:rpm cpio:cpio lintian:lintian rpmlint:rpmlint debootstrap:debootstrap readelf:binutils; do \
		command -v $${tool%%:*} >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get install -y -q --no-install-recommends $${tool#*:} >/dev/null; } || echo "package-tools: no $${tool%%:*}"; \
	done

quick: $(STAMP)
	$(BIN)/pytest -q -n $(WORKERS) -m "not slow and not system and not bench" tests

test: $(STAMP) tools
	$(BIN)/pytest -q -n $(WORKERS) -m "not system and not bench" tests

system: $(STAMP) tools package-tools
	$(BIN)/pytest -q -n $(WORKERS) -m postgres tests/collector tests/contract tests/versions
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m system tests/web
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m "system and not postgres" --ignore=tests/web --ignore=tests/system/packages tests
	$(BIN)/pytest -q -m system tests/system/packages

# Every property with as many examples as its test says; `make test` tries a quarter of them.
thorough: $(STAMP)
	$(BIN)/pytest -q -n $(WORKERS) -m "hypothesis and not system and not bench" tests

# QUICK=1: under three minutes, on a smaller history; ONLY="ingest reads": these alone. JSON is on the last line.
bench: $(STAMP)
	@$(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(ONLY)

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

manual: $(STAMP)
	$(BIN)/python -m tests.docs.generated

# At the end of a release: what its agents say and its collector keeps, as test data for the versions after it.
version-data: $(STAMP)
	$(BIN)/python -m tests.versions.record

constraints: $(STAMP)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --upgrade -o packaging/constraints.txt

# .deb and .rpm of both programs and the offline bundle, in dist/; KEY=release.pem signs them.
packages: $(STAMP) package-tools
	$(BIN)/python packaging/make_packages.py $(if $(KEY),--key "$(KEY)") $(if $(VERSION),--version "$(VERSION)")

clean:
	rm -rf $(VENV) .demo .bench dist build

$(STAMP): pyproject.toml packaging/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r packaging/constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)
