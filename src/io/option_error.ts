// The class that tells a caller's wrong option from a bug. Both would be a TypeError, but after
// one a client gives up and after the other it reconnects: see `socket_faults.ts`.

/**
 * An option with which no connection can be made. To callers it is a `TypeError`, by name, too;
 * within the library it is told apart from the `TypeError` of a bug.
 */
export class OptionError extends TypeError {}
