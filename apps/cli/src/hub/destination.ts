import type { HubFile } from "./hub_client.ts";

/** Where the files of a model go. */
export interface Destination {
  /** The folder in which the files of a commit have their names. */
  folder(commit: string): string;
  /** A file of a commit that is there, so that the hub need not be asked about it: a commit never changes. */
  known(commit: string, name: string): HubFile | undefined;
  /** The file, if it is there already, whole and of this version. */
  find(file: HubFile): Promise<string | undefined>;
  /** Where the bytes of a file are to be put; the folder of that place is there. */
  place(file: HubFile): string;
  /** The bytes are in their place: give the file its name. */
  keep(file: HubFile): Promise<void>;
  /** All files of a commit are there, and this is what the revision stands for now. */
  finish(revision: string, commit: string): void;
}
