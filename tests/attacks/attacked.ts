// The brokers that are attacked, each in a process of its own with its defaults: ours and Mosquitto. What a process takes of
// memory is read from /proc, so this is for Linux.
// deno run --allow-all tests/attacks/attacked.ts: ours, listening without TLS and with it; hooks of some clients never answer

import { type Broker, passwordFile, passwordLine, serve } from "../../src/broker/mod.ts";
import { Child } from "../bench/child.ts";
import { output } from "../bench/brokers.ts";
import { type Certificate, certificateAuthority } from "../io/certificates.ts";
import { freePort } from "../io/mosquitto.ts";
import { accepts } from "../io/mosquitto_listeners.ts";
import { HANGING, USER } from "./attacks.ts";

/** A broker that runs. */
export interface Attacked extends AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number;
  readonly pid: number;
}

/** Bytes of memory that a process has of the system; `undefined` once it has ended. */
export async function residentMemory(pid: number): Promise<number | undefined> {
  try {
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(status) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

/** The certificate that both use. */
export async function certificate(): Promise<Certificate> {
  return await (await certificateAuthority()).server();
}

/** This project's. */
export async function startOurs({ cert, key }: Certificate): Promise<Attacked> {
  const file = new URL(import.meta.url).pathname;
  const child = new Child(Deno.execPath(), ["run", "--quiet", "--allow-all", file]);
  await child.tell(JSON.stringify({ cert, key }));
  const [port, tlsPort] = (await child.hear()).split(" ").map(Number);
  void child.ignore();
  return attacked(child, port!, tlsPort!);
}

const MOSQUITTO = `
allow_anonymous true
persistence false
log_type none
set_tcp_nodelay true
`;

/** Mosquitto; `undefined` where there is none. */
export async function startMosquitto(
  { cert, key }: Certificate,
  folder: string,
): Promise<Attacked | undefined> {
  const found = ["", "/usr/sbin/", "/usr/local/sbin/"].map((path) => `${path}mosquitto`);
  const helps = await Promise.all(found.map((program) => output(program, ["-h"], 3)));
  const program = found[helps.findIndex((help) => help !== undefined)];
  if (program === undefined) return undefined;
  const [port, tlsPort] = [freePort(), freePort()];
  const file = `${folder}/mosquitto-${port}`;
  await Deno.writeTextFile(`${file}.passwords`, `${await passwordLine(USER, "right")}\n`);
  await Deno.writeTextFile(`${file}.crt`, cert);
  await Deno.writeTextFile(`${file}.key`, key, { mode: 0o644 });
  await Deno.writeTextFile(
    `${file}.conf`,
    `${MOSQUITTO}password_file ${file}.passwords\nlistener ${port} 127.0.0.1\nlistener ${tlsPort} 127.0.0.1
certfile ${file}.crt\nkeyfile ${file}.key\n${Deno.uid() === 0 ? "user root\n" : ""}`,
  );
  const child = new Child(program, ["-c", `${file}.conf`]);
  for (let look = 0; !await accepts(`mqtt://127.0.0.1:${port}`); look++) {
    if (look === 250) throw new Error("Mosquitto did not start");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return attacked(child, port, tlsPort);
}

/** Starts an attack, in a process that leaves the processor to others. */
export function startAttack(
  { port, tlsPort }: Attacked,
  name: string,
  milliseconds: number,
): Child {
  const file = new URL("attacks.ts", import.meta.url).pathname;
  const deno = [Deno.execPath(), "run", "--quiet", "--allow-net=127.0.0.1", file];
  return new Child("nice", ["-n", "19", ...deno, name, `${port}`, `${tlsPort}`, `${milliseconds}`]);
}

function attacked(child: Child, port: number, tlsPort: number): Attacked {
  return {
    port,
    tlsPort,
    pid: child.pid,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

async function ours(): Promise<Broker> {
  const { value } = await Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader()
    .read();
  const { cert, key } = JSON.parse(value!);
  const check = passwordFile(await passwordLine(USER, "right"), { allowAnonymous: true });
  return await serve({
    listeners: [{ port: 0 }, { protocol: "mqtts", port: 0, cert, key }],
    // There is nobody to tell apart, only somebody who is never answered.
    authorizePublish: () => true,
    authenticate: (client, credentials, packet) =>
      client.clientId.startsWith(HANGING)
        ? new Promise<boolean>(() => {})
        : check(client, credentials, packet),
    // What a check costs is to be seen, not that it waits.
    limits: { loginDelay: 0 },
  });
}

if (import.meta.main) {
  const { listeners } = await ours();
  console.log(listeners.map(({ port }) => port).join(" "));
}
