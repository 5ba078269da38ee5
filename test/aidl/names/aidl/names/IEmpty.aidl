package names;

import names.Empty;

interface IEmpty {
    @nullable Empty[] f(in @nullable List<Empty> list);
    void nothing(in Empty empty);
}
