// A style sheet that is imported is its text (build.mjs).
declare module "*.css" {
  const text: string;
  export default text;
}
