// fast-check, which makes random values and shrinks those that fail, for tests alone: see mqtt.ts.

export { default } from "npm:fast-check@4.10.2";
