"""What a person at a prompt touches: variables, derivatives of functions, and the check of gradients."""

from lexgrad.eager.checking import GradientCheck, GradientError, check_gradients
from lexgrad.eager.functions import grad, value_and_grad
from lexgrad.eager.valued import Variable, array_of, variable, variables

__all__ = [
    "GradientCheck",
    "GradientError",
    "Variable",
    "array_of",
    "check_gradients",
    "grad",
    "value_and_grad",
    "variable",
    "variables",
]
