"""What a deployment says at its end."""

from dataclasses import replace

from controlplane.commands import up
from controlplane.machine import DEFAULT_NAME
from machine_kit import machine


def test_what_comes_after_a_deployment_names_the_stack_where_it_has_another_name() -> None:
    of_its_own, default = replace(machine("web"), name="shop"), replace(machine("web"), name=DEFAULT_NAME)
    assert "./deploy.sh up --stack shop NAME=VALUE" in up._next(of_its_own)
    assert "./deploy.sh destroy --stack shop" in up._next(of_its_own)
    assert "./deploy.sh up NAME=VALUE" in up._next(default)
    assert up._next(default).endswith("./deploy.sh destroy")
