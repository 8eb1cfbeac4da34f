import type { DevState } from "../state.ts";
import { Clients } from "./clients.ts";
import { DeviceCodes } from "./device_codes.ts";
import { Grants, type IssuedFormat } from "./grants.ts";
import { defaultSettings, type OAuthSettings } from "./oauth_settings.ts";
import { WorkloadKey } from "./workload_key.ts";

/** The authorization server's state (RFC 6749, section 1.1), in memory only and shared by its routes. */
export class OAuthState {
  readonly settings: OAuthSettings = defaultSettings();
  readonly clients = new Clients();
  readonly grants: Grants;
  readonly devices: DeviceCodes;
  readonly workloadKey: WorkloadKey;

  constructor(state: DevState, format?: IssuedFormat) {
    this.grants = new Grants(state, this.settings, format);
    this.devices = new DeviceCodes(state, this.settings);
    this.workloadKey = new WorkloadKey(state.now);
  }
}
