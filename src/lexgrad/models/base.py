"""What every model is: settings, a fit that can be watched and resumed, and a directory it is saved in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models import storage
from lexgrad.models.settings import check_settings, require_known, settings_of

if TYPE_CHECKING:
    from sklearn.utils import Tags

    from lexgrad.train.progress import Progress
    from lexgrad.train.run import Run

Array = NDArray[Any]


class Model:
    """A model under scikit-learn's conventions; its settings are dataclass fields declared with ``setting``.

    scikit-learn's own tools take it by what it answers (``get_params``, ``set_params``, ``__sklearn_tags__`` ...), and
    not for a ``BaseEstimator``: importing that takes longer than most commands do.

    Attributes after ``fit``:
        parameters_: dict name -> array.
        history_: one dict per epoch, as in ``metrics.jsonl``.
        report_: dict with epochs, parameters (how many numbers), train_seconds, examples_per_second, tokens_per_second.
    """

    name: ClassVar[str] = ""
    task: ClassVar[str] = ""
    """What it is trained to do, a file of ``cli/tasks/``: classification, tagging, vectors, language."""

    made_by: ClassVar[str] = "train"
    """The command that makes one."""

    not_searched: ClassVar[tuple[str, ...]] = ()
    """Settings of its bases that a search leaves alone if it is not told."""

    if TYPE_CHECKING:  # fitted attributes differ from kind to kind, and what `load` returns may be of any

        def __getattr__(self, name: str) -> Any: ...

        def __setattr__(self, name: str, value: Any) -> None: ...

    parameters_: dict[str, Array]
    history_: list[dict[str, Any]]
    report_: dict[str, Any]

    def fit(
        self, X: Any, y: Any = None, *, dev: Any = None, run: Run | None = None, progress: Progress | None = None
    ) -> Self:
        """Train; see the models."""
        raise NotImplementedError

    def evaluate(self, X: Any, y: Any = None, *, progress: Progress | None = None) -> dict[str, Any]:
        """Measure on held-out data, and tell ``progress`` how far it has come; see the models."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise InputError for settings that do not go together."""

    # ---- files --------------------------------------------------------------------------------------------------

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model into the directory ``path``, whole or not at all: model.safetensors, config.json and others.

        Raises:
            InputError: ``path`` is taken, or a part of the model is code, which is never stored.
            NotFittedError: before ``fit``.
        """
        self._require_fitted()
        storage.save(self, Path(path), overwrite=overwrite)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model that ``save`` or a training run wrote.

        Raises:
            InputError: missing, damaged or of a newer version; or another kind of model than ``cls``.
        """
        model = storage.load(Path(path))
        if not isinstance(model, cls):
            raise InputError(f"{path} holds a {type(model).__name__}, not a {cls.__name__}; use lexgrad.load")
        return model

    def require_storable(self) -> None:
        """Raise InputError where a part of the model is code: code is never stored."""

    def write_into(self, run: Run) -> None:
        """Write every file of the fitted model into a new run directory."""
        raise NotImplementedError

    def read_from(self, run: Run, config: Mapping[str, Any]) -> None:
        """Set the fitted attributes from the files of a run; ``self`` has its settings already.

        Raises:
            InputError: files are missing or damaged, or do not belong together.
            KeyError, TypeError, AttributeError: ``config`` lacks something; ``storage.load`` names the file.
        """
        raise NotImplementedError

    # ---- settings -----------------------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name."""
        return {name: getattr(self, name) for name in sorted(settings_of(type(self)))}

    def set_params(self, **params: Any) -> Self:
        """Change settings; what they take is checked by ``fit``, which sees all of them together.

        Raises:
            InputError: there is no such setting.
        """
        require_known(type(self), params)
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Tags:
        from sklearn.utils import Tags, TargetTags

        return Tags(estimator_type=None, target_tags=TargetTags(required=False))

    def __repr__(self) -> str:
        known = settings_of(type(self))
        own = {name: value for name, value in self.get_params().items() if value != known[name].default}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in own.items())})"

    # ---- how it is done -----------------------------------------------------------------------------------------

    def _check_settings(self) -> None:
        check_settings(type(self), self.get_params(deep=False))
        self.check()

    def _require_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit first")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "parameters_")
