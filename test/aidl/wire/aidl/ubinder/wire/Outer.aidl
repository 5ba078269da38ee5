package ubinder.wire;

/** Has types of its own. */
parcelable Outer {
    /** Within. */
    parcelable Inner {
        /** Within that. */
        union Innermost {
            int number;
            String text;
        }
        const int DEPTH = 2;
        Innermost innermost;
        int depth = DEPTH;
    }
    @Backing(type="int")
    enum Mode {
        OFF,
        ON,
    }
    interface IInside {
        Outer.Mode flip(Outer.Mode mode);
    }
    Inner inner;
    Mode mode = Mode.ON;
    Mode[] modes = {Mode.ON, Mode.OFF};
    @nullable IInside inside;
}
