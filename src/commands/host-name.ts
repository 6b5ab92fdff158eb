import { hostname } from 'node:os'

/** The name of this machine, for people. Load it when it is needed: the runtime parses the module that it uses. */
export function hostName(): string {
  return hostname()
}
