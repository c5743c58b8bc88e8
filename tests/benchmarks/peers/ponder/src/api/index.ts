import { Hono } from "hono";

export default new Hono(); // Ponder wants a file here; nothing is asked of it
