package flowsensor.scorer;

/** A message that is no flow record. The reason is one of few words, for the counter; the message tells more. */
final class Undecodable extends Exception {
    private static final long serialVersionUID = 1L;
    private final String reason;

    Undecodable(String reason, String text) {
        super(text);
        this.reason = reason;
    }

    String reason() {
        return reason;
    }
}
