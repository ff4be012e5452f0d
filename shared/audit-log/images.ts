import type { Image } from "../finding.ts";
import { isObject, member } from "./json.ts";
import type { EntryView, Field } from "./view.ts";

const DIGEST = /@(sha(?:256|512):[0-9a-f]+)$/;

/** An image reference with the digest that it names, if it names one. */
export function imageOf(reference: string): Image {
  return { reference, digest: DIGEST.exec(reference)?.[1] ?? null };
}

/** The images of container lists, in order, each once. */
export function imagesOf(view: EntryView, containerLists: readonly Field[]): readonly Image[] {
  const references = containerLists
    .flatMap((list) => view.values(list))
    .filter(isObject)
    .map((container) => member(container, "image"))
    .filter((image): image is string => typeof image === "string" && image !== "");
  return [...new Set(references)].map(imageOf);
}

/** Digests that a status resolved, given to the images of the same repository that are named by tag. */
export function withResolvedDigests(images: readonly Image[], resolved: readonly string[]): readonly Image[] {
  return images.map((image) => {
    if (image.digest !== null) return image;
    const match = resolved.find((reference) => repositoryOf(reference) === repositoryOf(image.reference));
    return match === undefined ? image : { ...image, digest: imageOf(match).digest };
  });
}

function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
}
