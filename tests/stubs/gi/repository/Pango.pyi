import enum

class EllipsizeMode(enum.Enum):
    MIDDLE = ...
