/** A list that is never empty. */
export type AtLeastOne<T> = [T, ...T[]];
