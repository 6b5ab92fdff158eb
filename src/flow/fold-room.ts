import { headOf } from '../chat/shorten.ts'

/** Number of characters that may still be kept. */
export interface Room {
  left: number
  isCut: boolean
}

/** Takes the characters out of the room if they fit. If not, it marks the room as cut and returns false. */
export function takeRoom(room: Room, characters: number): boolean {
  if (characters > room.left) {
    room.isCut = true
    return false
  }
  room.left -= characters
  return true
}

/** Returns as much of the text as there is room for, and takes the room. */
export function takeHead(room: Room, text: string): string {
  if (takeRoom(room, text.length)) return text
  const head = headOf(text, room.left)
  room.left -= head.length
  return head
}
