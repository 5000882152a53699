"""What ink looks like where a picture in CMYK does not say: a polynomial for coated offset paper.

Fitted to the conversion that libvips makes with its built-in profile; over the inks of photographs the mean difference
is about 0.5 (CIEDE2000). Each row: the inks multiplied, then what their product adds to L*, a* and b* (D50).
"""

from math import prod

_TERMS = (
    ("C", -64.2, -58.8, -81.5),
    ("M", -71.1, 110.9, -19.7),
    ("Y", -6.6, -16.8, 125.8),
    ("K", -114.4, 2.5, 2.5),
    ("CC", 22.9, 29.8, 26.4),
    ("CM", 63.2, -69.1, 77.5),
    ("CY", -6, -14.9, -30.4),
    ("CK", 136.2, 155.3, 168.9),
    ("MM", 25.8, -42.4, 19),
    ("MY", 8.7, 12.3, -106.1),
    ("MK", 138.2, -239.7, 55.8),
    ("YY", 1.3, 9.8, -50.2),
    ("YK", 12.4, 30.4, -238.7),
    ("KK", 100.4, -20.9, -21.4),
    ("CCC", -3, 0.6, 4.9),
    ("CCM", -22.8, 9.1, -33),
    ("CCY", 2.1, 8.6, -0.9),
    ("CCK", -75.5, -140.5, -95.2),
    ("CMM", -41.6, 33.5, -48.1),
    ("CMY", 4.2, 10.8, 13.8),
    ("CMK", -91.5, 127.7, -111.3),
    ("CYY", 5.4, 3.3, 20.3),
    ("CYK", -0.2, -11.8, 32.5),
    ("CKK", -136.7, -198.1, -164.4),
    ("MMM", -6.1, 17.7, 1),
    ("MMY", -7, 7.4, 29),
    ("MMK", -67.6, 149.3, -59.6),
    ("MYY", -4.5, -15.7, 59.4),
    ("MYK", -12.9, -8.1, 136.1),
    ("MKK", -145.3, 256, -63.7),
    ("YYY", 1.4, -0.2, 46.3),
    ("YYK", -10.9, -11.5, 123.5),
    ("YKK", -8.1, -43.5, 264.1),
    ("KKK", -76.5, 48.8, 30.5),
    ("CCCC", 0.3, -13.6, -5.2),
    ("CCCM", -5.6, 1.7, -4.8),
    ("CCCY", -1.6, -27.1, 2.2),
    ("CCCK", 9, 35.5, 6.7),
    ("CCMM", 12.5, 0.5, 13.4),
    ("CCMY", -0.8, -1.9, 2.1),
    ("CCMK", 25.7, -11.7, 30.7),
    ("CCYY", -1, -2.1, -3.1),
    ("CCYK", 3.3, 29.5, 0.5),
    ("CCKK", 41.9, 85, 60.2),
    ("CMMM", 1.4, 20.1, -4.8),
    ("CMMY", -5.1, 4.9, -3.6),
    ("CMMK", 36.2, -78.1, 47.4),
    ("CMYY", -0.3, -3, -9),
    ("CMYK", 4.4, -12.3, -5.5),
    ("CMKK", 25.7, -41.4, 40.5),
    ("CYYY", -1.6, -0.8, -5.6),
    ("CYYK", -5.2, -1, -12.2),
    ("CYKK", 4.4, 16.7, -6.9),
    ("CKKK", 67.2, 97.1, 70),
    ("MMMM", 1.5, -3.3, -3.6),
    ("MMMY", 4.3, -11.1, 3.1),
    ("MMMK", 0.8, -13.2, 6.3),
    ("MMYY", 3.2, 3.6, -15.8),
    ("MMYK", 3, -2.6, -24.8),
    ("MMKK", 45.1, -101.3, 36),
    ("MYYY", -0.4, 4.3, -9.1),
    ("MYYK", 2.2, 7.1, -47.8),
    ("MYKK", 4.4, 2.3, -36.9),
    ("MKKK", 76, -120.6, 23.9),
    ("YYYY", -0.8, 0.9, -13.2),
    ("YYYK", 3.9, -3.8, -19.1),
    ("YYKK", 6.1, 9, -88.2),
    ("YKKK", 1.4, 24.1, -140.3),
    ("KKKK", -7.5, -29.1, -5.1),
)
"""Paper white, L* = 100, is where they start from."""


def lab_of_ink(cyan: float, magenta: float, yellow: float, black: float) -> tuple[float, float, float]:
    """L*, a*, b* of these amounts of ink, each from 0 to 1."""
    amounts = {"C": cyan, "M": magenta, "Y": yellow, "K": black}
    lightness, a, b = 100.0, 0.0, 0.0
    for inks, of_lightness, of_a, of_b in _TERMS:
        product = prod(amounts[ink] for ink in inks)
        lightness += product * of_lightness
        a += product * of_a
        b += product * of_b
    return max(0.0, lightness), a, b
