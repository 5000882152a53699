"""What ink looks like where a picture in CMYK does not say: a polynomial for coated offset paper.

Fitted to the conversion that libvips makes with its built-in profile; the mean difference over the inks of photographs
is about 1 (CIE 1976). Each row: the inks multiplied, then what their product adds to L*, a* and b* (D50).
"""

from math import prod

_TERMS = (
    ("C", -64.1, -58.7, -80.1),
    ("M", -71.4, 110.6, -18.3),
    ("Y", -8.2, -17.1, 125.3),
    ("K", -111.5, 0, -1.3),
    ("CC", 24.7, 34.1, 27.9),
    ("CM", 65, -70.5, 74.4),
    ("CY", -1.3, -18.1, -32.9),
    ("CK", 128.9, 155.3, 165.8),
    ("MM", 26.2, -42.7, 16.8),
    ("MY", 10.6, 11.8, -107.4),
    ("MK", 135.1, -230.3, 55.4),
    ("YY", 3.6, 13.9, -52.4),
    ("YK", 12.6, 28, -224.3),
    ("KK", 90.1, -13.3, -9),
    ("CCC", -6.4, -8.6, -1.5),
    ("CCM", -25.5, 10.3, -34.9),
    ("CCY", -1.2, 10, 4.2),
    ("CCK", -69.7, -141.8, -91.6),
    ("CMM", -43, 36, -42.8),
    ("CMY", 0.3, 20.6, 19.3),
    ("CMK", -88.8, 119.1, -113.7),
    ("CYY", -0.1, 1, 20.6),
    ("CYK", -0.9, -11.2, 29.9),
    ("CKK", -129.7, -192.6, -161.8),
    ("MMM", -6.8, 17.7, 2.3),
    ("MMY", -7.3, 8.6, 28.9),
    ("MMK", -67.2, 148.7, -61.7),
    ("MYY", -6.9, -21.7, 59.3),
    ("MYK", -12.3, -7.7, 135.6),
    ("MKK", -138.8, 237.2, -59.2),
    ("YYY", -0.7, -1.4, 52.3),
    ("YYK", -6.3, -18.8, 113.2),
    ("YKK", -10.8, -30.6, 241.3),
    ("KKK", -61.5, 37.1, 15.9),
    ("CCCC", 1.5, -8.1, -1.2),
    ("CCCM", -3.9, -0.2, -2.5),
    ("CCCY", -0.4, -26.8, -1.1),
    ("CCCK", 8.7, 35.3, 6.3),
    ("CCMM", 13.4, -0.3, 12.9),
    ("CCMY", 0.3, -3.1, 1),
    ("CCMK", 24.5, -6.4, 31.3),
    ("CCYY", 0.5, -3.5, -3.1),
    ("CCYK", 3.2, 32, 1),
    ("CCKK", 38, 84.2, 58.1),
    ("CMMM", 1, 20.6, -7.4),
    ("CMMY", -1.9, -1.5, -5.3),
    ("CMMK", 35.8, -80.6, 48.4),
    ("CMYY", -0.7, -3.7, -10.2),
    ("CMYK", 4.6, -14, -8.1),
    ("CMKK", 25, -34.5, 42.9),
    ("CYYY", 0.6, 3.2, -5.5),
    ("CYYK", -2.3, -2.8, -11.9),
    ("CYKK", 0.9, 17.1, -4.2),
    ("CKKK", 66.3, 92.3, 69.2),
    ("MMMM", 2.2, -3.4, -3.5),
    ("MMMY", 4.2, -11.1, 3.2),
    ("MMMK", 1.3, -14.2, 6.8),
    ("MMYY", 2.4, 5.7, -15.6),
    ("MMYK", 2.8, -3.1, -23.3),
    ("MMKK", 43.5, -97.3, 36),
    ("MYYY", 1.8, 6.2, -9.1),
    ("MYYK", 2.9, 11.6, -46.4),
    ("MYKK", 2.3, -1, -36.7),
    ("MKKK", 73.1, -112.5, 20.8),
    ("YYYY", -0, -0.7, -16.8),
    ("YYYK", 0.3, 0.3, -16.4),
    ("YYKK", 4.1, 9.3, -81.6),
    ("YKKK", 6.1, 15.7, -130.3),
    ("KKKK", -15.4, -22.3, 0.7),
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
