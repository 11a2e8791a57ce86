class RGB:
    a: float
    b: float
    g: float
    r: float
