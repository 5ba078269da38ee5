package p;

// As C prints them with six decimals: exactly, ties to even, with the sign of zero.
interface IFloats {
    const double TIE = 0.0078125;
    const float TIE_UP = 0.0234375f;
    const double MINUS_ZERO = -0.0;
    const float MINUS_NOTHING = -0f;
    const double LARGE = 1e25;
    const float LARGEST = 3e38f;
    const double HUGE = 1.7976931348623157e308;
    const double SMALL = -0.00000000001;
    const double MANY_DIGITS = 123456789012345678901234567890.125;
}
