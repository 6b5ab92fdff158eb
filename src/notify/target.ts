import type { Notification } from './news.ts'

/** A POST of JSON that tells somebody. */
export interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: object
}

/** A place where notifications are sent. */
export interface NotifyTarget {
  /** Its kind and host, such as `telegram at api.telegram.org`. It has no secret, unlike its address. */
  readonly name: string
  /** The request that brings a notification there. */
  write(notification: Notification): Post
}

/** Which needs are told, and where. */
export interface NotifySettings {
  readonly targets: readonly NotifyTarget[]
  readonly level: 'urgent' | 'warning'
}
