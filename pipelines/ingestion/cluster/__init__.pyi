from .divided import DividedIngestion
from .eligibility import choose_folder

__all__ = ["DividedIngestion", "choose_folder"]
