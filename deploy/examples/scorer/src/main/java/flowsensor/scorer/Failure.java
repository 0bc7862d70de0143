package flowsensor.scorer;

/** What ends the program: one line that says what failed and how to mend it, and the exit code, of sysexits.h. */
final class Failure extends RuntimeException {
    static final int FAILED = 1;
    static final int USAGE = 64;
    static final int BAD_DATA = 65;
    static final int NO_INPUT = 66;
    static final int UNAVAILABLE = 69;
    static final int BAD_SETTINGS = 78;

    private static final long serialVersionUID = 1L;
    private final int exitCode;

    Failure(int exitCode, String text) {
        super(text);
        this.exitCode = exitCode;
    }

    Failure(int exitCode, String text, Throwable cause) {
        super(text + ": " + cause.getMessage(), cause);
        this.exitCode = exitCode;
    }

    int exitCode() {
        return exitCode;
    }
}
