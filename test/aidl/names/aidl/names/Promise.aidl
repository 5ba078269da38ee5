package names;

import names.Map;

interface Promise {
    /** Uses the language's own promise and map beside these. */
    Map swap(in Map map, in Map<String, String> strings, Promise promise);
    void then();
    void constructor();
    int valueOf();
}
