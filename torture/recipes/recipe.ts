import type { Target } from '../lab/target.ts'

/** Where a gateway is started. */
export interface Site {
  /** The port of our upstream, on 127.0.0.1. It answers any key. */
  readonly upstreamPort: number
  /** A port on which the gateway may listen. */
  readonly port: number
  /** An empty folder that is removed afterwards. */
  readonly folder: string
}

/** A gateway that runs and is configured with our upstream. */
export interface Subject {
  readonly target: Target
  readonly version: string
  stop(): Promise<void>
}

/** How a gateway is installed, configured with our upstream, and started. */
export interface Recipe {
  readonly name: string
  /** What must be on this machine. */
  readonly needs: string
  /** @throws Error that says what to do, if it cannot be started */
  start(site: Site): Promise<Subject>
}
