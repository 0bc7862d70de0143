package flowsensor.scorer;

import java.nio.file.FileSystemException;

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
        super(text + ": " + reason(cause), cause);
        this.exitCode = exitCode;
    }

    /** Of a file Java often says only its name, and the reason by the exception's class. */
    private static String reason(Throwable cause) {
        if (cause instanceof FileSystemException file && file.getReason() == null) {
            return cause.getClass().getSimpleName().replace("Exception", "") + " " + file.getFile();
        }
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    }

    int exitCode() {
        return exitCode;
    }
}
