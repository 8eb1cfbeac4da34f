import { Secret } from "../../secret.ts";
import { latin1, type Peer } from "./peer.ts";

/** What the fields of SOCKS say (RFC 1928, sections 3 to 6; RFC 1929, section 2). */
const SOCKS = 5;
const LOGIN = { version: 1, method: 2, accepted: 0, refused: 1 };
const NO_METHOD = 0xff;
const CONNECT = 1;
const ADDRESS = { ipv4: 1, name: 3, ipv6: 4 };
/** The replies to a request for a connection. */
export const REPLY = {
  done: 0,
  failure: 1,
  notAllowed: 2,
  unreachable: 4,
  unknownCommand: 7,
  unknownAddress: 8,
};

/** What a client presents to be let in. */
export interface Login {
  username: string;
  password: Secret;
}

/** Asks for the user name and the password that only our own client knows. */
export async function isOurs(client: Peer, login: Login): Promise<boolean> {
  const [version, count = 0] = await client.take(2);
  const methods = await client.take(count);
  if (version !== SOCKS || !methods.includes(LOGIN.method)) {
    await client.write(Uint8Array.of(SOCKS, NO_METHOD));
    return false;
  }
  await client.write(Uint8Array.of(SOCKS, LOGIN.method));
  const [loginVersion, length = 0] = await client.take(2);
  const username = latin1(await client.take(length));
  const [passwordLength = 0] = await client.take(1);
  const password = new Secret(latin1(await client.take(passwordLength)));
  const ours = loginVersion === LOGIN.version &&
    username === login.username &&
    password.equals(login.password);
  const answer = ours ? LOGIN.accepted : LOGIN.refused;
  await client.write(Uint8Array.of(LOGIN.version, answer));
  return ours;
}

/** The host and port that a SOCKS client asks for, as CONNECT has them, or the reply that refuses. */
export async function readTarget(client: Peer): Promise<string | number> {
  const [version, command, , type] = await client.take(4);
  if (version !== SOCKS || command !== CONNECT) return REPLY.unknownCommand;
  const host = await readHost(client, type);
  const [high = 0, low = 0] = await client.take(2);
  // A name is on its way into the head of a request.
  if (!host || /[^\x21-\x7e]/.test(host)) return REPLY.unknownAddress;
  return `${host}:${high * 256 + low}`;
}

async function readHost(
  client: Peer,
  type: number | undefined,
): Promise<string | undefined> {
  switch (type) {
    case ADDRESS.ipv4:
      return (await client.take(4)).join(".");
    case ADDRESS.name: {
      const [length = 0] = await client.take(1);
      return latin1(await client.take(length));
    }
    case ADDRESS.ipv6: {
      const groups = (await client.take(16)).toHex().match(/..../g) ?? [];
      return URL.parse(`http://[${groups.join(":")}]`)?.hostname;
    }
    default:
      return undefined;
  }
}

/** A reply without a bound address, which nobody asks for. */
export function reply(outcome: number): Uint8Array {
  return Uint8Array.of(SOCKS, outcome, 0, ADDRESS.ipv4, 0, 0, 0, 0, 0, 0);
}
