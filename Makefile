# Two commands matter: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check -q

.PHONY: setup demo test-setup test compat lint bench quality chaos clean

setup: .venv/core                       ## virtual environment with the embedded core
.venv/core: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv && $(PIP) install --no-compile -c constraints.txt -e '.[demo]'
	touch $@

demo: setup                             ## the whole system, embedded, on sample pictures
	.venv/bin/justlens demo

test-setup: .venv/dev                   ## the servers and tools that the tests use
.venv/dev: .venv/core deploy/test-servers.sh tests/publisher_node/package-lock.json
	$(PIP) install -c constraints.txt -e '.[dev]' && deploy/test-servers.sh
	touch $@

test: test-setup lint                   ## everything: lint, then all tests on real servers
	.venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not chaos and not bench"

COMPAT := contract/broker contract/catalogue faults e2e/test_node_publisher.py e2e/test_relevance_on_servers.py \
	$(addprefix integration/,cli_servers rabbitmq_outages rabbitmq_subscription sql_away test_kit_servers.py \
	test_management_api.py test_least_privilege.py test_least_privilege_sql.py test_rabbitmq_events.py \
	test_rabbitmq_publish.py test_rabbitmq_topology.py test_sql_migrations.py test_sql_rights.py test_sql_transactions.py)
compat: test-setup                      ## what talks to RabbitMQ and SQL, on RabbitMQ 4 and MySQL; as root
	deploy/compat-servers.sh
	TEST_RABBITMQ=4 TEST_SQL=mysql CI=true .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
		-m "not chaos and not bench" $(addprefix tests/,$(COMPAT))

lint: test-setup                        ## style, types, import rules
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/lint-imports

bench: test-setup                       ## the figures; writes build/bench.json
	$(PIP) install --no-deps realesrgan==0.3.0  # the peer of the enhancement figures; what it asks for beside basicsr is not needed
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -m bench -s tests/bench

quality: test-setup                     ## what the models are worth; writes build/quality.json
	.venv/bin/python -m workers.training quality

chaos: test-setup                       ## the long fault tests; writes build/chaos.json; as root, for a cluster of RabbitMQ 4
	deploy/compat-servers.sh
	.venv/bin/python -m pytest -m chaos -s tests/faults

clean:                                  ## what the above made
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .import_linter_cache
